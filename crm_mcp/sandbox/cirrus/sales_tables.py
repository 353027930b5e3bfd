"""The tables about customers, goods and what is sold."""

from crm_mcp.sandbox.cirrus.shapes import table

_ADDRESS = (
    "{careof,name,street,zip,city,country,email,"
    "coordinates{latitude,longitude,distance},number,letter}"
)
_BY_ACCOUNT = "accounttypeids:account.typeid accountuserids:account.userid "
_PRICES = "prices:*{id,price,discountpercent,discountamount,pricegroup:priceGroup,article:article}"
_PRICE_LIST = (
    f"{{id,name,active,start,stop,default,externalkey,strict,description,currencyid,{_PRICES},"
    "-accounts:*account.accountids}"
)
_DELIVERY = "deliverydate,deliveryname,deliverystreet,deliveryzip,deliverycity,deliverycountry"
_SIGNED = "user:user,user2:user,opportunity:opportunity,contact:contact,account:account"
_TERMS = "deliveryterm:deliveryTerm,paymentterm:paymentTerm,deliverytype:deliveryType"
_ROW_END = (
    "pricelist:priceList,pricegroup:priceGroup,sortgroup,article:article,"
    "articleunit:articleUnit,tags:*tag"
)
_ROW_PRICES = (
    "discountspecial,sortorder,price,currencycode,currencyrate,statisticsprice,buyprice,"
    "specification,discountpercent,discountamount,externalkey,pricewarning,totalprice,"
    "totalpricestatistics,totalalternativevalue"
)
_STATUS = "{id,color,description,name,lost,opportunitytypeid,sortorder,sortorderplug,won}"
_LEAD = "lead:lead{id,title,user:user{id,name,surname}}"
_LEAD_ACTIVITY = (
    "{id,type:leadActivityType,comment,user:user,followup,done,created,updated," + _LEAD + "}"
)
_CATEGORY = "{id,type,name,sort,default,created,updated}"
_TURNOVER = ",".join(
    f"{name}{end}"
    for name in ("turnover", "turnoverpotential")
    for end in ("_from", "_to", "_volume1from", "_volume1to", "_volume2from", "_volume2to")
)


CUSTOMERS = (
    table("tag", "", "{id,name,type}", "{id,name,type}"),
    table(
        "account",
        "/accounts",
        "{id,name,alt_name,number,phone,cellphone,fax,email,url,vatno,active,info,socialmedia_fb,"
        "socialmedia_tw,socialmedia_li,department,externalkey,uservisitintervalweeks,"
        f"alternateuservisitintervalweeks,addresses{{visiting{_ADDRESS},delivery{_ADDRESS},"
        f"invoice{_ADDRESS},postal{_ADDRESS}}},files:<file.connectedaccounts,type:accountType,"
        "user:user,parentaccount:account,contacts:<contact.accountid{id,name,surname,email,"
        "phone=officephone,cellphone,primary=primarycontact,title},followers:*user,"
        "accountgroups:*accountGroup,tags:*tag,alternateuserid$,alternateuser:user,"
        "-activities:<activity.accountid}",
        "{id,name,alt_name,number,email,phone,cellphone,"
        "coordinates=addresses.visiting.coordinates{latitude,longitude,distance}}",
        "accountnumber:number postal_city:addresses.postal.city "
        "postal_street:addresses.postal.street visitingaddress_city:addresses.visiting.city "
        "deliveryaddress_city:addresses.delivery.city invoiceaddress_city:addresses.invoice.city "
        "postaladdress_number:addresses.postal.number postaladdress_odd:addresses.postal.number "
        "postaladdress_even:addresses.postal.number",
    ),
    table(
        "accountGroup",
        "/accounts/accountgroups",
        "{id,name,-accounts:<account.accountgroups}",
        columns="accountid:accounts.id",
    ),
    table(
        "accountType",
        "/accounts/accounttypes",
        f"{{id,name,defaulttab,sortorder,isdefault,{_TURNOVER},typeiscustomer,typeisprospect}}",
    ),
    table(
        "contact",
        "/contacts",
        "{id,account:account,name,surname,function,department,email,officephone,cellphone,title,"
        "street,city,zip,primarycontact,socialmedia_fb,socialmedia_tw,socialmedia_li,idnumber,"
        "externalkey,active,superior:contact,files:<file.connectedcontacts,followers:*user,"
        "photo{avatar,photo},tags:*tag}",
        "{id,name,surname,title,email,officephone,cellphone,number}",
        _BY_ACCOUNT,
    ),
    table(
        "activity",
        "/activities",
        "{id,account:account,accountid,closed,contactattempts:*{id,note,timestamp,user:user},"
        "description,date,extrasexternalid,files:<file.connectedactivities,followers:*user,"
        "invitedusers:*user,invitedcontacts:*contact,location,primarycontact:contact{id,name,"
        "surname,email,phone=officephone,cellphone,title},priority{id,description},"
        "progressionstate:activityState,opportunity:opportunity,reminder{text,min,done},start,"
        "starttime,stop,stoptime,result,type:activityType,user:@user,userid,"
        "answers:*{questionid:#question},externalkey,tags:*tag}",
        "{id,description,date,user:user,type:activityType,account:account}",
        _BY_ACCOUNT + "contactid:primarycontactid startdate:date>= enddate:date<= end:stop "
        "account:account.name",
    ),
    table(
        "activityType",
        "/activities/activitytypes",
        "{id,name,value,icon,sortorder,default,quick,defaultdescription,defaultresult,"
        "userfollowups,alternateuserfollowups}",
    ),
    table(
        "question",
        "/activities/activitytypes/questions",
        "{id,question,activitytypeid:#activityType,sortorder}",
    ),
    table("activityState", "/activities/progressionstates"),
    table(
        "opportunity",
        "/opportunities",
        "{id,account:account,accountid,altaccount:account,altaccountid,altvalue,altvaluelabel,"
        "changedate,changeuserid,changeuser:user,closed,contact:contact,contactid,description,"
        "estimate:opportunityEstimate,estimatedenddate,files:<file.connectedopportunities,"
        "followers:*user,lostreason:lostReason,lostreasonid,phone,"
        "progressionstate:opportunityState.stateid,regdate,reguser:user,reguserid,result,"
        "source:source,sourceid,state:opportunityState{id,state=name,sortorder},stateid,"
        "status:opportunityStatus,statusid,title,type:opportunityType,typeid,user:user,userid,"
        "value,businessarea{opportunityid,businessareaid},winreason:winReason,winreasonid,"
        "tags:*tag,-enddate}",
        "{id,title,description,estimatedenddate,account:account,user:user}",
        _BY_ACCOUNT + "estimated_startdate:estimatedenddate>= estimated_enddate:estimatedenddate<= "
        "actual_startdate:enddate>= actual_enddate:enddate<= progressionstateid:stateid "
        "date:estimatedenddate account:account.name",
        must=(
            *("accountid", "contactid", "title", "description", "userid", "statusid"),
            *("estimatedenddate", "typeid"),
        ),
    ),
    table(
        "opportunityEstimate",
        "/opportunities/estimates",
        "{id,description,sortorder,value,visible}",
        "{id,description,sortorder,value,visible}",
    ),
    table("lostReason", "/opportunities/lostreasons", "{id,name,sortorder}", "*"),
    table("winReason", "/opportunities/winreasons", "{id,name,sortorder}", "*"),
    table("opportunityState", "/opportunities/progressionstates"),
    table("source", "/opportunities/sources", "{id,name,default}", "*"),
    table("opportunityStatus", "/opportunities/statuses", _STATUS, "*"),
    table(
        "opportunityType",
        "/opportunities/types",
        "{id,isdefault,name,sortorder,validstatuses:opportunityStatus}",
        "*",
    ),
    table(
        "lead",
        "/leads",
        "{id,contacttitle,contactname,contactsurname,contactcompany,contactstreet,contactcity,"
        "contactzip,contactphone,contactcellphone,contactemail,contactvatno,value,created,updated,"
        "title,description,rating,user:user,source:source,status:leadStatus,tags:*tag,"
        "activities:<leadActivity.leadid}",
        columns="created:created^ status:statusid source:sourceid age:created",
    ),
    table(
        "leadActivity",
        "/leadactivities",
        _LEAD_ACTIVITY,
        "*",
        "folowupdate:followup^ followupdate:followup comment:comment",
    ),
    table("leadActivityType", ""),
    table(
        "leadStatus", "/leadstatus", "{id,name,sortorder}", "{id,name,sortorder,created,updated}"
    ),
    table(
        "project",
        "/projects",
        "{id,name,type:projectType,-accounts:*account.accountids}",
        columns="accountid:accountids",
    ),
    table("projectType", ""),
    table(
        "email",
        "/emails",
        "{id,sender,to,cc,subject,date,body,text,-account:account,-contact:contact}",
        columns="date:date^",
    ),
)

GOODS = (
    table(
        "article",
        "/articles",
        "{id,name,price,description,warehousestatusid:#warehouseStatus,businessareaid,"
        "servicelevelid:#serviceLevel,warehouseid:#warehouse,unitid:#articleUnit,"
        "groupid:#articleGroup,number,buyprice,commision,externalkey,imageurl,url1,url2,"
        "stockbalance,vat,accountid:#account,suppliername,supplierarticlenumber,"
        "stockbalancewarningtreshold,brandid:#articleBrand,materialid:#material,incampaign,volume,"
        "area,volumegroupid:#volumeGroup,discountgroupid:#discountGroup,budgetgroupid:#budgetGroup,"
        "active,presentation,discount,sortorder,tags:*tag}",
        "{id,name,number}",
        must=("name", "price", "description", "vat"),
    ),
    table(
        "articleGroup",
        "/articlegroups /articles/groups",
        "{id,name,externalkey,sortorder}",
        columns="name:name^",
    ),
    table(
        "articleUnit",
        "/articleunits /articles/units",
        "{id,name,externalkey}",
        columns="name:name^",
    ),
    table("articleBrand", "/articles/brands"),
    table("budgetGroup", "/articles/budgetgroups"),
    table("discountGroup", "/articles/discountgroups"),
    table("material", "/articles/materials"),
    table("serviceLevel", "/articles/servicelevels"),
    table("volumeGroup", "/articles/volumegroups"),
    table("warehouse", "/articles/warehouses"),
    table("warehouseStatus", "/articles/warehousestatuses"),
    table(
        "priceList",
        "/pricelists",
        _PRICE_LIST,
        "*",
        "accountid:accountids accountnumber:accounts.number start:start>= stop:stop<=",
        must=("active", "start", "stop", "default", "strict", "prices"),
    ),
    table(
        "priceGroup",
        "/pricelists/pricegroups",
        "{id,name,unit:articleUnit,min,max}",
        "*",
        "quantity:min",
    ),
    table("deliveryTerm", "/deliveryterms", "{id,name,default,externalkey}"),
    table("deliveryType", "/deliverytypes", "{id,name,default}"),
    table("paymentTerm", "/paymentterms", "{id,name,default,externalkey,days}"),
    table("sortGroup", "/sortgroups", "{id,name,sort,externalkey}"),
    table("orderType", "/ordertypes", "{id,default,name,sortorder}"),
    table("orderStatus", "/orderstatus", "{id,default,name,step}"),
    table(
        "order",
        "/orders",
        "{id,price,currencycode,currencyrate,statisticsprice,alternativevalue,buyprice,discounted,"
        f"placedate,alternateid,externalcomment,{_DELIVERY},invoicename,invoicestreet,invoicezip,"
        "invoicecity,invoicecountry,invoiceemail,invoicenumber,invoicedate,externalkey,"
        "internalcomment,marking,referencecode,extracode,pricelist:priceList,tscreated,tsupdated,"
        f"{_SIGNED},status:orderStatus,{_TERMS},type:orderType,delivered,tags:*tag,"
        "rows:*{id,orderid,accountid,userid,opportunityid,quantityordered,quantitydelivered,"
        f"{_ROW_PRICES},alternatvievalue,noprint,deleted,{_ROW_END}}}}}",
        "{id,placedate}",
        _BY_ACCOUNT + "altnumber:alternateid accountresponsibleids:account.userid number:id",
        day="placedate",
    ),
    table(
        "quoteStatus",
        "/quotes/statuses",
        "{id,name,sortorder,isdefault,metatype,tscreated,tsupdated}",
        "*",
        "default:isdefault",
    ),
    table(
        "quote",
        "/quotes",
        "{id,price,currencycode,currencyrate,alternativevalue,buyprice,discounted,placedate,"
        f"validtodate,alternateid,externalcomment,{_DELIVERY},externalkey,internalcomment,marking,"
        "referencecode,extracode,pricelist:priceList,tscreated,tsupdated,status:quoteStatus,"
        f"{_TERMS},{_SIGNED},tags:*tag,rows:*{{id,quoteid,alternateid,quantity,{_ROW_PRICES},"
        f"alternativevalue,costcenter,{_ROW_END}}}}}",
        "{id,placedate}",
        "altnumber:alternateid number:id",
    ),
    table("quoteRelation", "/quotes/relations", "{id,quoteid:#quote,otherid,type,value}"),
    table(
        "contract",
        "/contracts",
        "{id,number,number2,description,status:objectCategory,start,end,installdate,value,financed,"
        "financeaccount:account,type:objectCategory,contact:contact,responsible:user,"
        "responsibleservice:user,reminderdays,externalkey,-objects:<contractObject.contractid}",
        columns="objectids:objects.objectid",
    ),
    table(
        "contractObject",
        "/contracts/{contract_id}/objects /objects/{object_id}/contracts",
        "{contractid:#contract,objectid:#object,location,created,updated}",
        columns="contract_id:contractid object_id:objectid",
        upsert=True,
    ),
    table(
        "contractReminder",
        "/contracts/{contract_id}/reminders /contracts/{contract_id}/reminder",
        "{-contractid:#contract,activityid:#activity,created,updated}",
        columns="contract_id:contractid activity_id:activityid",
    ),
    table(
        "object",
        "/objects",
        "{id,name,description,serialnumber,manufacturer:account,modelgroup:objectCategory,url,"
        "image1,image2,image3,externalkey,created,updated,tags:*tag}",
    ),
    table(
        "objectRelation",
        "/objects/{object_id}/relations",
        "{type,objectid:#object,otherid}",
        columns="object_id:objectid relation_type:type other_id:otherid",
    ),
    table("objectCategory", "/objects/categories", _CATEGORY, "*", "order:sort"),
    table(
        "subscription",
        "/subscriptions",
        "{id,active,name,note,startdate,orderstartdate,typeid,statusid,intervalid,periodid,"
        "nextperiodid,renewalperiodid,renewalid,advanceid,parentid:#subscription,userid:#user,"
        "contactid:#contact,sort,externalkey}",
    ),
)
